// Does without loading the page anew what the forms do by themselves, and takes keys of the keyboard.
(() => {
  "use strict";
  const root = document.getElementById("simulator");
  const parser = new DOMParser();
  let last = Promise.resolve();
  let typed = "";
  let timers = [];

  const inTurn = (work) => (last = last.then(work).catch(() => location.reload()));

  const bottom = (log) => { log.scrollTop = log.scrollHeight; };

  function renew(log, fresh) {
    const list = log.firstElementChild;
    const lines = [...fresh.firstElementChild.children];
    if (log.dataset.call !== fresh.dataset.call) list.replaceChildren();
    log.dataset.call = fresh.dataset.call;
    if (list.children.length < lines.length) {
      // Only what is new is put in, so that a screen reader says only that.
      list.append(...lines.slice(list.children.length));
      bottom(log);
    }
  }

  function show(html) {
    const page = parser.parseFromString(html, "text/html");
    for (const part of root.querySelectorAll("[data-part]")) {
      const fresh = page.getElementById(part.id);
      if (!fresh) continue;
      if (part.dataset.part === "log") {
        renew(part, fresh);
      } else if (part.innerHTML !== fresh.innerHTML) {
        const held = part.contains(document.activeElement) && document.activeElement.id;
        part.innerHTML = fresh.innerHTML;
        if (held) (document.getElementById(held) || document.getElementById("key-1")).focus();
      }
    }
  }

  async function fetchPage(address, options) {
    const answer = await fetch(address, options);
    if (!answer.ok) throw new Error(answer.status);
    show(await answer.text());
  }

  function post(address, body) {
    timers.forEach(clearTimeout);
    // Messages come a moment after the deed.
    timers = [2000, 6000].map((wait) => setTimeout(() => inTurn(() => fetchPage(location.href)), wait));
    return fetchPage(address, { method: "POST", body });
  }

  root.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (form.method !== "post") return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form));
    if (button && button.name) body.append(button.name, button.value);
    const other = button && button.hasAttribute("formaction");
    const address = other ? button.formAction : form.action;
    if ("clear" in form.dataset) form.reset();
    inTurn(() => post(address, body));
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !/^[0-9*#]$/.test(event.key)) return;
    if (event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    typed += event.key;
    inTurn(() => {
      if (!typed) return undefined; // went along with the keys before it
      const form = root.querySelector(".keypad");
      const body = new URLSearchParams(new FormData(form));
      body.append("keys", typed);
      typed = "";
      return post(form.action, body);
    });
  });

  bottom(document.getElementById("transcript"));
})();
