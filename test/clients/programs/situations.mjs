// Plays each way to stream through each situation, and prints what the caller saw. The service is unchanged between them.
const { BASE_URL, KEEPALIVE_URL, PREFIX } = process.env;

// `silent` and `refused-late` are played where comments come every few milliseconds.
const SITUATIONS = [
  'text',
  'tool',
  'items',
  'refused',
  'too-long',
  'broken-text',
  'broken-tool',
  'broken-after-tool',
  'cancelled',
  'silent',
  'refused-late',
];
const COMMENTED = ['silent', 'refused-late'];

/** What one call saw, in the order in which it came. */
class Seen {
  text = '';
  reasoning = '';
  tools = [];
  end = null;
  error = null;
  #onFirst;
  #record;

  constructor(onFirst, record) {
    this.#onFirst = onFirst;
    this.#record = record;
  }

  async add(text) {
    this.text += text;
    const act = this.#onFirst;
    if (text === '' || act === null) return;
    this.#onFirst = null;
    await act();
  }

  /** Resolves when a request that breaks off or is cancelled has ended, and at once for any other. */
  async away() {
    if (this.#record === null) return;
    for (let terminal = false; !terminal;) {
      ({ terminal } = await (await fetch(`${this.#record}?wait=5`)).json());
    }
  }

  toString() {
    const shown = Object.entries(this).filter(([, value]) => value !== null && value.length !== 0);
    return JSON.stringify(Object.fromEntries(shown));
  }
}

/** Shows an error of an official SDK: its class, its HTTP status and its code. */
export function errorOf({ constructor, status = null, code = null, error }) {
  return [constructor.name, status, code ?? error?.code ?? null];
}

/**
 * @param ways functions of ({ baseURL, key }, seen), by `operation way`; each makes one call with this key as its model and
 *   idempotency key
 * @param describe shows what a way threw
 */
export async function playAll(ways, describe = errorOf) {
  for (const [name, way] of Object.entries(ways)) {
    const [operation] = name.split(' ');
    for (const situation of SITUATIONS) {
      if (situation === 'items' && operation !== 'responses') continue;
      const baseURL = COMMENTED.includes(situation) ? KEEPALIVE_URL : BASE_URL;
      const key = `${PREFIX}-${name.replaceAll(' ', '-')}-${situation}`;
      const cancel = () => fetch(`${baseURL}/requests/${key}/cancel`, { method: 'POST' });
      const call = async (label, onFirst) => {
        const seen = new Seen(
          onFirst,
          /^(?:broken|cancelled)/.test(label) ? `${baseURL}/requests/${key}` : null,
        );
        await way({ baseURL, key }, seen).catch((error) => (seen.error ??= describe(error)));
        console.log(`${name}, ${label}: ${seen}`);
      };
      await call(situation, situation === 'cancelled' ? cancel : null);
      if (situation.startsWith('broken')) await call(`${situation} again`, null);
    }
  }
}
