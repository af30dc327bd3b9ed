// The official JavaScript client, unmodified, with streams: plain iteration and its helpers.
import OpenAI from 'openai';
import { playAll } from './situations.mjs';

const messages = [{ role: 'user', content: 'hi' }];
const parameters = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } };
const chatTools = [{ type: 'function', function: { name: 'add', parameters } }];
const tools = [{ type: 'function', name: 'add', parameters, strict: false }];
const clientOf = (baseURL) => new OpenAI({ baseURL, apiKey: 'unused' });
const headersOf = (key) => ({ headers: { 'Idempotency-Key': key } });

async function readEvent(event, seen) {
  if (event.type === 'response.output_text.delta') await seen.add(event.delta);
  if (event.type === 'response.reasoning_summary_text.delta') seen.reasoning += event.delta;
  if (event.type === 'response.output_item.done' && event.item.type === 'function_call')
    seen.tools.push([event.item.name, event.item.arguments]);
  if (event.type === 'response.completed') seen.end = event.response.status;
  if (event.type === 'response.failed') seen.end = `failed ${event.response.error.code}`;
}

async function readResponse(events, seen) {
  for await (const event of events) await readEvent(event, seen);
}

await playAll({
  async 'chat plain'({ baseURL, key }, seen) {
    const stream = await clientOf(baseURL).chat.completions.create(
      { model: key, messages, tools: chatTools, stream: true },
      headersOf(key),
    );
    for await (const { choices } of stream) {
      const [{ delta, finish_reason: end }] = choices;
      await seen.add(delta.content ?? '');
      for (const { index, function: part } of delta.tool_calls ?? []) {
        seen.tools[index] ??= [part.name, ''];
        seen.tools[index][1] += part.arguments;
      }
      seen.end ??= end;
    }
  },
  async 'chat helper'({ baseURL, key }, seen) {
    const runner = clientOf(baseURL).chat.completions.stream(
      { model: key, messages, tools: chatTools },
      headersOf(key),
    );
    runner.on('content', (delta) => void seen.add(delta));
    runner.on('tool_calls.function.arguments.done', ({ name, arguments: whole }) =>
      seen.tools.push([name, whole]),
    );
    const { choices } = await runner.finalChatCompletion();
    seen.end = choices[0].finish_reason;
  },
  async 'responses plain'({ baseURL, key }, seen) {
    const stream = await clientOf(baseURL).responses.create(
      { model: key, input: 'hi', tools, stream: true },
      headersOf(key),
    );
    await readResponse(stream, seen);
  },
  async 'responses helper'({ baseURL, key }, seen) {
    const runner = clientOf(baseURL).responses.stream({ model: key, input: 'hi', tools }, headersOf(key));
    await readResponse(runner, seen);
    seen.end = (await runner.finalResponse()).status;
  },
  // Leaves after its first delta, and goes on with the next event.
  async 'responses retrieved'({ baseURL, key }, seen) {
    const client = clientOf(baseURL);
    const stream = await client.responses.create(
      { model: key, input: 'hi', tools, stream: true },
      headersOf(key),
    );
    let last = null;
    for await (const event of stream) {
      await readEvent(event, seen);
      last = event.sequence_number;
      if (event.type.endsWith('.delta')) break;
    }
    await seen.away();
    const rest = await client.responses.retrieve(key, { stream: true, starting_after: last });
    await readResponse(rest, seen);
  },
});
