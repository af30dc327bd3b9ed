// LangChain, unmodified: ChatOpenAI.stream over chat completions and over Responses.
import { ChatOpenAI } from '@langchain/openai';
import { playAll } from './situations.mjs';

const parameters = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } };
const tools = [{ type: 'function', function: { name: 'add', parameters } }];

async function read({ baseURL, key }, useResponsesApi, seen) {
  const model = new ChatOpenAI({
    model: key,
    apiKey: 'unused',
    maxRetries: 0,
    useResponsesApi,
    configuration: { baseURL },
  });
  const options = { tools, headers: { 'Idempotency-Key': key } };
  let whole = null;
  try {
    for await (const chunk of await model.stream('hi', options)) {
      whole = whole === null ? chunk : whole.concat(chunk);
      await seen.add(chunk.text);
    }
  } finally {
    seen.tools = (whole?.tool_calls ?? []).map(({ name, args }) => [name, JSON.stringify(args)]);
    seen.reasoning = (whole?.additional_kwargs.reasoning?.summary ?? []).map(({ text }) => text).join('');
  }
  const { finish_reason: reason, status } = whole.response_metadata;
  seen.end = reason ?? status;
}

await playAll({
  'chat stream': (call, seen) => read(call, false, seen),
  'responses stream': (call, seen) => read(call, true, seen),
});
