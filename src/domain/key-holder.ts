import type { Project } from './project.ts';

/** Who sends a key. */
export interface KeyHolder {
  readonly project: Project;
  /** Names the key, and is no secret. */
  readonly keyId: string;
  /** Whether a signature (hex) is this key's of a text; null = its calls need none. */
  readonly isSignature: ((text: string, signature: string) => boolean) | null;
}
