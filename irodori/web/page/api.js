// Calls of the service. Every refusal is an Error whose text is for the person at the page.

const KEY = "irodori-token";

/** The token comes behind the # of the link, where no server and no log sees it. */
function token() {
  if (/^#[\w-]{22}$/.test(location.hash)) {
    localStorage.setItem(KEY, location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
  }
  return localStorage.getItem(KEY);
}

const given = token();
addEventListener("hashchange", () => location.reload()); // the whole link was put into a tab that had half of it
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Refused extends Error {
  constructor(status, text, retryAfter) {
    super(text);
    Object.assign(this, { status, retryAfter });
  }
}

export async function call(path, { method = "GET", body, headers = {} } = {}) {
  let answer;
  try {
    const all = given ? { ...headers, Authorization: `Bearer ${given}` } : headers;
    answer = await fetch(`/api${path}`, { method, body, headers: all });
  } catch {
    throw new Refused(0, "", 2); // nobody answers
  }
  if (answer.ok) return answer;
  const text = await answer.json().then((found) => found.error ?? "", () => "");
  throw new Refused(answer.status, text || `${answer.status} ${answer.statusText}`, +answer.headers.get("Retry-After") || 0);
}

export const json = async (path, options) => (await call(path, options)).json();
export const bytes = async (path) => (await call(path)).arrayBuffer();

/** Calls again until there is more to say than 202. */
export async function finished(path) {
  for (let pause = 100; ; pause = Math.min(1000, pause * 1.2)) {
    const answer = await call(path);
    if (answer.status !== 202) return answer;
    await wait(pause);
  }
}

/** Waits for a drawing's colours; `tell` hears how far it is. */
export async function coloured(id, tell) {
  for (let pause = 100; ; pause = Math.min(1000, pause * 1.2)) {
    let found;
    try {
      found = await json(`/drawings/${id}`);
    } catch (refused) {
      if (refused.status && refused.status !== 429) throw refused;
      found = { state: "away" };
      pause = 1000 * (refused.retryAfter || 2);
    }
    if (found.state === "done") return found;
    if (found.state === "failed") throw new Refused(422, found.reason);
    tell(found);
    await wait(pause);
  }
}
