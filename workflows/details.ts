import type { Journal } from '../src/domain/journal.ts';
import type { BlobRef, RawJson } from '../src/domain/raw-json.ts';
import { isJournal, type RunInput } from '../src/domain/run-contract.ts';
import type { RunEnd } from '../src/domain/run-end.ts';

/**
 * Texts of Temporal's "current details", in Markdown. They show what the workflow knows. Retries of attempts
 * do not wake the workflow, so those are in the UI's Pending Activities panel.
 */
export function openDetails(input: RunInput, deadlineAtMs: number, body: BlobRef | null): string {
  const { options } = input;
  return [
    `**Waiting for the upstream** (${input.operation}, ${modelOf(input)}).`,
    `- deadline: ${new Date(deadlineAtMs).toISOString()}`,
    `- one attempt: at most ${options.attempt_timeout_seconds} s`,
    `- attempts: ${options.max_attempts === null ? 'until the deadline' : `at most ${options.max_attempts}`}`,
    `- after an unknown outcome: ${options.on_unknown_outcome}`,
    ...(body === null ? [] : [`- body: ${inBlobStore(body)}`]),
    '',
    'Attempts, reasons and next times: Pending Activities.',
  ].join('\n');
}

export function completedDetails(input: RunInput, { beside, blob }: RawJson, id: string): string {
  return [
    `**Completed** (${modelOf(input)}).`,
    ...(blob === null ? [] : [`Result: ${inBlobStore(blob)}. \`reqrun requests get ${id}\` prints it.`]),
    ...attemptLines(isJournal(beside) ? beside : null),
  ].join('\n');
}

function inBlobStore({ blob, bytes }: BlobRef): string {
  return `${bytes} bytes, in the blob store as \`${blob}\``;
}

export function endedDetails(input: RunInput, end: RunEnd): string {
  return [
    `**${end.error.code === 'request_cancelled' ? 'Cancelled' : 'Failed'}**: \`${end.error.code}\` (${end.error.reason}, ${modelOf(input)}). ${end.error.message}`,
    ...attemptLines(end.journal),
  ].join('\n');
}

function modelOf({ model }: RunInput): string {
  return model === null ? 'no model named' : `\`${model}\``;
}

function attemptLines(journal: Journal | null): string[] {
  if (journal === null) return [];
  const log = journal.entries.map(
    (entry) =>
      `- attempt ${entry.number}: ${entry.status}, outcome ${entry.outcome ?? 'open'}` +
      (entry.error_code === null ? '' : `, \`${entry.error_code}\``),
  );
  return [`Attempts: ${journal.begun}.`, ...log];
}
