// Keeps the page fresh without flicker: asks for it again, and replaces only the parts that differ. Forms are sent
// the same way, so that the page does not jump. Everything works without this file too, by loading the page again.

const REFRESH_MS = 2000;
/** What the server last sent for each part; the page itself also holds what the person typed. */
const sent = new Map();
let isSending = false;
let newestRequest = 0;

for (const part of liveParts(document)) sent.set(part.id, part.outerHTML);
document.addEventListener('submit', (event) => void submit(event));
document.addEventListener('click', (event) => void follow(event));
window.addEventListener('popstate', () => void refresh());
setInterval(() => {
  if (!isSending && !document.hidden) void refresh();
}, REFRESH_MS);

function liveParts(root) {
  return root.querySelectorAll('[data-live]');
}

async function submit(event) {
  event.preventDefault();
  if (isSending) return;
  const { target: form, submitter } = event;
  const body = new URLSearchParams(new FormData(form, submitter));
  isSending = true;
  const label = submitter?.textContent;
  if (submitter?.dataset.busy) submitter.textContent = submitter.dataset.busy;
  submitter?.setAttribute('aria-busy', 'true');
  try {
    const response = await load(form.action, { method: 'POST', body });
    const { pathname, search } = new URL(response.url);
    history.replaceState(null, '', pathname + search);
  } finally {
    isSending = false;
    submitter?.removeAttribute('aria-busy');
    if (submitter?.dataset.busy) submitter.textContent = label;
  }
}

/** Links within the page change what is open; they keep the place and the focus. */
async function follow(event) {
  const link = event.target.closest?.('a[href^="/?"], a[href="/"]');
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  history.pushState(null, '', link.href);
  await refresh();
}

async function refresh() {
  await load(location.href, {});
}

async function load(address, options) {
  newestRequest += 1;
  const request = newestRequest;
  const isChange = options.method === 'POST';
  try {
    const response = await fetch(address, options);
    const text = await response.text();
    if (!response.ok) say(`The console could not show this (${response.status}); its terminal says why.`);
    // An answer that was overtaken shows the past.
    if (isChange || request === newestRequest) show(new DOMParser().parseFromString(text, 'text/html'));
    return response;
  } catch (error) {
    say('The local world does not answer. Is `npm start` still running?');
    if (isChange) throw error;
    return undefined;
  }
}

function show(page) {
  const focused = document.activeElement?.id;
  for (const part of liveParts(page)) {
    const present = document.getElementById(part.id);
    if (!present || sent.get(part.id) === part.outerHTML) continue;
    sent.set(part.id, part.outerHTML);
    keepTyped(present, part);
    const scrolled = [...present.querySelectorAll('.wide, .plan')].map((box) => [
      box.scrollLeft,
      box.scrollTop,
    ]);
    present.replaceWith(part);
    part.querySelectorAll('.wide, .plan').forEach((box, index) => {
      [box.scrollLeft, box.scrollTop] = scrolled[index] ?? [0, 0];
    });
  }
  if (focused && document.activeElement?.id !== focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

/** What was typed or chosen and not sent yet stays. */
function keepTyped(from, to) {
  for (const field of from.querySelectorAll('input[id], select[id]')) {
    const isTyped = field.matches('select')
      ? [...field.options].some((option) => option.selected !== option.defaultSelected) && field.value !== ''
      : field.value !== field.defaultValue;
    const next = to.querySelector(`#${CSS.escape(field.id)}`);
    if (isTyped && next) next.value = field.value;
  }
}

function say(text) {
  const place = document.getElementById('message');
  const line = document.createElement('span');
  line.className = 'message bad';
  line.textContent = text;
  place?.replaceChildren(line);
  sent.delete('message');
}
