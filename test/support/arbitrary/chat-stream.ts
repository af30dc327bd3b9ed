import fc from 'fast-check';
import { cut, interleave, type Draw, type StreamedAnswer } from './cut.ts';

type Piece = Record<string, unknown>;

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const name = fc.stringMatching(/^[a-z_]{1,12}$/);
const token = fc.record({
  token: text,
  logprob: fc.double({ max: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  bytes: fc.constant(null),
});
const message = fc.record(
  {
    content: fc.option(text),
    reasoning_content: text,
    refusal: text,
    unheard_of: text,
    annotations: fc.array(fc.record({ url: text }), { minLength: 1, maxLength: 3 }),
    audio: fc.record({ id: name, data: text, transcript: text, expires_at: fc.nat() }),
    tool_calls: fc.array(fc.record({ name, arguments: text }), { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: ['content'] },
);
const choice = fc.record({
  message,
  tokens: fc.option(fc.array(token, { minLength: 1, maxLength: 5 })),
  finish_reason: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter'),
});
const head = fc.record(
  {
    id: name,
    created: fc.nat(),
    model: name,
    system_fingerprint: name,
    service_tier: name,
    citations: fc.array(text, { maxLength: 2 }),
    nonce: fc.constant(12_345_678_901_234_567_890n),
  },
  { requiredKeys: ['id', 'created', 'model'] },
);

/** Random chat answers in random chunks. */
export const chatStream: fc.Arbitrary<StreamedAnswer> = fc.gen().map((draw) => {
  const { nonce, ...top } = draw(() => head);
  const choices = draw(() => fc.array(choice, { minLength: 1, maxLength: 3 }));
  const usage = draw(() => fc.option(fc.record({ prompt_tokens: fc.nat(), total_tokens: fc.nat() })));
  const lists = choices.map((made, index) =>
    piecesOfChoice(made, draw).map((piece) => ({ index, ...piece })),
  );
  const chunks = gather(interleave(lists, draw), draw);
  const text = (more: object): string => {
    const json = JSON.stringify({ ...top, object: 'chat.completion.chunk', ...more });
    return nonce === undefined ? json : json.replace('{', `{"nonce":${nonce},`);
  };
  const events = [
    ...chunks.map((parts) => text({ choices: parts, usage: null })),
    ...(usage === null ? [] : [text({ choices: [], usage })]),
    '[DONE]',
  ].map((data) => ({ event: null, data }));
  const answer = {
    ...top,
    ...(nonce === undefined ? {} : { nonce: String(nonce) }),
    object: 'chat.completion',
    choices: choices.map((made, index) => wholeChoice(made, index)),
    ...(usage === null ? {} : { usage }),
  };
  return { answer, events };
});

type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never;

function callsOf({ message: { tool_calls: calls } }: Choice, index: number): object[] | undefined {
  return calls?.map((call, position) => ({
    id: `call_${index}_${position}`,
    type: 'function',
    function: call,
  }));
}

function wholeChoice(made: Choice, index: number): object {
  const { tool_calls: _, ...rest } = made.message;
  const calls = callsOf(made, 0);
  return {
    index,
    message: { role: 'assistant', ...rest, ...(calls ? { tool_calls: calls } : {}) },
    logprobs: made.tokens === null ? null : { content: made.tokens },
    finish_reason: made.finish_reason,
  };
}

/** The deltas of a choice: first the role, last the end, which may come with the last delta. */
function piecesOfChoice(made: Choice, draw: Draw): Piece[] {
  const { message: whole, tokens, finish_reason } = made;
  const delta = (member: string, value: unknown): Piece => ({ delta: { [member]: value } });
  const lists: Piece[][] = [];
  for (const member of ['reasoning_content', 'content', 'refusal', 'unheard_of'] as const) {
    lists.push(cut(whole[member] ?? '', draw).map((part) => delta(member, part)));
  }
  lists.push(cut(whole.annotations ?? [], draw).map((part) => delta('annotations', part)));
  lists.push(cut(tokens ?? [], draw).map((content) => ({ delta: {}, logprobs: { content } })));
  if (whole.audio) {
    const { id, data, transcript, expires_at } = whole.audio;
    const parts = [
      ...cut(data, draw).map((part) => ({ id, data: part })),
      ...cut(transcript, draw).map((part) => ({ transcript: part })),
    ];
    lists.push([...parts, { expires_at }].map((part) => delta('audio', part)));
  }
  const calls = callsOf(made, 0) ?? [];
  const starts = calls.map((call, index) =>
    delta('tool_calls', [
      { index, ...call, function: { ...(whole.tool_calls?.[index] ?? {}), arguments: '' } },
    ]),
  );
  const parts = (whole.tool_calls ?? []).map((call, index) =>
    cut(call.arguments, draw).map((part) => delta('tool_calls', [{ index, function: { arguments: part } }])),
  );
  lists.push([...starts, ...interleave(parts, draw)]);
  const first = { delta: { role: 'assistant', content: draw(() => fc.constantFrom('', null)) } };
  const pieces: Piece[] = [first, ...interleave(lists, draw)].map((piece) => ({
    finish_reason: null,
    ...piece,
  }));
  if (draw(fc.boolean)) pieces[pieces.length - 1] = { ...pieces.at(-1), finish_reason };
  else pieces.push({ delta: {}, finish_reason });
  return pieces;
}

/** Puts pieces of different choices that follow each other into one chunk, now and then. */
function gather(pieces: readonly Piece[], draw: Draw): Piece[][] {
  const chunks: Piece[][] = [];
  for (const piece of pieces) {
    const last = chunks.at(-1);
    const fits = last !== undefined && last.every(({ index }) => index !== piece['index']);
    if (fits && draw(fc.boolean)) last.push(piece);
    else chunks.push([piece]);
  }
  return chunks;
}
