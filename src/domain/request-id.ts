import { DEFAULT_PROJECT } from './project.ts';

/**
 * A request by project and id. Only this file knows how requests are named.
 *
 * An idempotency key is the id of the record. In the default project it is also the id of the Temporal
 * workflow, so that it can be pasted into the Temporal UI. In any other project the workflow id is
 * `@project/id`. So no two projects can share a workflow id, and no caller can name a request of another
 * project.
 */
export interface RequestName {
  readonly project: string;
  /** The id that callers use. */
  readonly id: string;
}

/** Visible ASCII. Headers, URLs and SQL stores all carry it unchanged. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
/** Maximum length of a workflow id: the column of SQL stores is VARCHAR(255). */
const MAX_LENGTH = 255;

/** RFC 4648 base32 in lower case. It is safe in URLs and file names, and a double-click selects it whole. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_PREFIX = 'rr_';
const ID_BYTES = 20;

/**
 * Whether a caller of the project may use this text as an idempotency key. Names that start with `@` or `rr_`
 * are reserved.
 */
export function isIdempotencyKey(text: string, project: string): boolean {
  return isRequestId(text, project) && !text.startsWith(ID_PREFIX);
}

/** Whether this text can be the id of a record in the project. Any other text is not looked up. */
export function isRequestId(text: string, project: string): boolean {
  const fits = text.length + prefixOf(project).length <= MAX_LENGTH;
  return fits && VISIBLE_ASCII.test(text) && !text.startsWith('@') && text !== '.' && text !== '..';
}

/** The id of the Temporal workflow of a request. */
export function toWorkflowId({ project, id }: RequestName): string {
  return prefixOf(project) + id;
}

/** A request with all its names. They are composed once, when its call arrives, and not parsed again. */
export interface RequestRef extends RequestName {
  readonly workflowId: string;
}

export function toRequestRef({ project, id }: RequestName): RequestRef {
  return { project, id, workflowId: toWorkflowId({ project, id }) };
}

/** Parses a workflow id back into project and id, for runs that do not carry the name of their request. */
export function fromWorkflowId(workflowId: string): RequestName {
  const [, project, id] = /^@([^/]+)\/(.+)$/.exec(workflowId) ?? [];
  return project === undefined || id === undefined
    ? { project: DEFAULT_PROJECT, id: workflowId }
    : { project, id };
}

/**
 * Creates an id for a request without a key: `rr_` and 160 bits.
 *
 * @param bytes returns the given number of bytes
 */
export function newRequestId(bytes: (count: number) => Uint8Array): string {
  let bits = 0;
  let held = 0;
  let id = ID_PREFIX;
  for (const byte of bytes(ID_BYTES)) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      id += BASE32.charAt((held >> bits) & 31);
    }
  }
  return id;
}

function prefixOf(project: string): string {
  return project === DEFAULT_PROJECT ? '' : `@${project}/`;
}
