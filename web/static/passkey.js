"use strict";
// The one thing of ours that takes a script: browsers make and use passkeys for scripts alone.
// The options come with the page and the answer leaves with its form; nothing else is fetched.
(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form || !window.PublicKeyCredential) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (known) => (known || []).map((one) => ({ ...one, id: bytes(one.id) }));
  const show = (name, on) =>
    form.querySelectorAll(`[data-${name}]`).forEach((one) => { one.hidden = !on; });

  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  options.allowCredentials = listed(options.allowCredentials);
  options.excludeCredentials = listed(options.excludeCredentials);
  if (options.user) options.user.id = bytes(options.user.id);

  const ask = () => form.dataset.passkey === "get"
    ? navigator.credentials.get({ publicKey: options })
    : navigator.credentials.create({ publicKey: options });
  const answer = (made) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (made.response[name]) response[name] = text(made.response[name]);
    return JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type, response,
      clientExtensionResults: {},
    });
  };

  show("can", true);
  show("cannot", false);
  form.addEventListener("submit", (event) => {
    const field = form.querySelector("[name=passkey]");
    if (field.value) return;
    event.preventDefault();
    show("failed", false);
    ask().then((made) => { field.value = answer(made); form.requestSubmit(); })
      .catch(() => show("failed", true));
  });
})();
