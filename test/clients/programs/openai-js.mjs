// The official JavaScript client, unmodified: only its base URL is ReqRun's.
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: 'unused' });
const say = (what, ...seen) => console.log(`${what}: ${seen.map((one) => JSON.stringify(one)).join(' ')}`);

async function untilDone(response) {
  while (response.status === 'queued' || response.status === 'in_progress') {
    await new Promise((resolve) => setTimeout(resolve, 100));
    response = await client.responses.retrieve(response.id);
  }
  return response;
}

const held = await client.responses.create({ model: 'gpt-test', input: 'Say hello.' });
say('held', held.status, held.output_text);

const key = process.env.KEY;
const background = { model: 'slow', input: 'Say hello.', background: true, metadata: { ticket: '842' } };
const created = await client.responses.create(background, { headers: { 'Idempotency-Key': key } });
say('background', created.status, created.background, created.id === key, created.metadata);
const done = await untilDone(created);
say('retrieved', done.status, done.output_text, done.id === key, done.background);
const again = await client.responses.create(background, { headers: { 'Idempotency-Key': key } });
say('created again', again.status, again.output_text, again.id === key);

const items = [];
for await (const item of client.responses.inputItems.list(done.id)) items.push(item);
say('input items', items.length, items[0].type, items[0].role, items[0].content[0].text);

const next = await client.responses.create({
  model: 'gpt-test',
  input: 'And again.',
  previous_response_id: key,
});
say('next turn', next.output_text, next.previous_response_id === key);

const tools = [{ type: 'function', name: 'add', parameters: { type: 'object' }, strict: false }];
const turn = [{ role: 'user', content: 'What is 2 + 2?' }];
const asks = await client.responses.create({ model: 'gpt-test', input: turn, tools });
const call = asks.output.find((item) => item.type === 'function_call');
say('tool call', call.name, call.arguments);
const told = await client.responses.create({
  model: 'gpt-test',
  tools,
  input: [...turn, ...asks.output, { type: 'function_call_output', call_id: call.call_id, output: '4' }],
});
say('tool answer', told.output_text);

const format = { type: 'json_schema', name: 'answer', strict: true, schema: { type: 'object' } };
const parsed = await client.responses.parse({ model: 'gpt-test', input: 'JSON, please.', text: { format } });
say('text.format', parsed.text.format.type, parsed.output_parsed);

const include = ['reasoning.encrypted_content'];
const thought = await client.responses.create({
  model: 'gpt-test',
  input: 'Think.',
  reasoning: { effort: 'low' },
  store: false,
  include,
});
const [reasoning] = thought.output;
say('reasoning', reasoning.type, reasoning.encrypted_content);
const continued = await client.responses.create({
  model: 'gpt-test',
  input: [reasoning, { role: 'user', content: 'Go on.' }],
});
say('reasoning again', continued.output_text);

const unknown = await client.responses.create({
  model: 'gpt-test',
  input: 'Say hello.',
  field_of_2030: { a: [1] },
});
say('unknown field', unknown.field_of_2030, unknown.usage.total_tokens);

const stalled = await client.responses.create({ model: 'stalls', input: 'Never.', background: true });
const cancelled = await client.responses.cancel(stalled.id);
say('cancelled', cancelled.status, (await client.responses.cancel(stalled.id)).status);
await client.responses.delete(stalled.id);
say('deleted', (await client.responses.retrieve(stalled.id).catch((error) => error)).constructor.name);

const failing = await client.responses.create({ model: 'fails', input: 'No.', background: true });
const failed = await untilDone(failing);
say('failed', failed.status, failed.error.code);
const refused = await client.responses.create({ model: 'fails', input: 'No.' }).catch((error) => error);
say('failed while held', refused.constructor.name, refused.status, refused.code);

const models = [];
for await (const { id } of client.models.list()) models.push(id);
say('models', models, (await client.models.retrieve('gpt-test')).id);
