import { DEFAULT_PROJECT } from './project.ts';

/**
 * The one place that knows how requests are named. An idempotency key is the record's id; in the default
 * project it is the Temporal workflow's id as well, so that it can be pasted into the Temporal UI. Any other
 * project's workflows are `@project/id`: no two projects can ever share one, and no caller can name another's.
 */
export interface RequestName {
  readonly project: string;
  /** As its callers know it. */
  readonly id: string;
}

/** Visible ASCII: what every header, URL and SQL store carries unchanged. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
/** Of a workflow's id: the column of SQL stores (VARCHAR(255)). */
const MAX_LENGTH = 255;

/** RFC 4648 base32 in lower case: safe in a URL, a file name and a double-click. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_PREFIX = 'rr_';
const ID_BYTES = 20;

/** Whether a project's caller may use this as an idempotency key. `@` and `rr_` begin names of our own. */
export function isIdempotencyKey(text: string, project: string): boolean {
  return isRequestId(text, project) && !text.startsWith(ID_PREFIX);
}

/** Whether a record of the project could have this id; anything else is not looked up. */
export function isRequestId(text: string, project: string): boolean {
  const fits = text.length + prefixOf(project).length <= MAX_LENGTH;
  return fits && VISIBLE_ASCII.test(text) && !text.startsWith('@') && text !== '.' && text !== '..';
}

/** The id of the workflow that is the request. */
export function toWorkflowId({ project, id }: RequestName): string {
  return prefixOf(project) + id;
}

/** A request by all its names, so that they are composed once, where its call comes in, and never parsed again. */
export interface RequestRef extends RequestName {
  readonly workflowId: string;
}

export function toRequestRef({ project, id }: RequestName): RequestRef {
  return { project, id, workflowId: toWorkflowId({ project, id }) };
}

/** What {@link toWorkflowId} was made of: for runs that do not carry their request's name. */
export function fromWorkflowId(workflowId: string): RequestName {
  const [, project, id] = /^@([^/]+)\/(.+)$/.exec(workflowId) ?? [];
  return project === undefined || id === undefined
    ? { project: DEFAULT_PROJECT, id: workflowId }
    : { project, id };
}

/** An id for a request without a key: `rr_` and the 160 bits that `bytes` gives. */
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
