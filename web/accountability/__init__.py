"""The account of drug as files: CSV for programs, a spreadsheet, and paper."""
