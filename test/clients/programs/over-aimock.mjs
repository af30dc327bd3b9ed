// ReqRun over aimock, an upstream of another project, which knows no background.
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: 'unused' });
const say = (what, ...seen) => console.log(`${what}: ${seen.map((one) => JSON.stringify(one)).join(' ')}`);

const held = await client.responses.create({ model: 'gpt-5-nano', input: 'hello there' });
say('held', held.status, held.output_text);

let response = await client.responses.create({ model: 'gpt-5-nano', input: 'hello there', background: true });
say('background', response.status, response.id.startsWith('rr_'));
const { id } = response;
while (response.status === 'queued' || response.status === 'in_progress') {
  await new Promise((resolve) => setTimeout(resolve, 100));
  response = await client.responses.retrieve(id);
}
say('retrieved', response.status, response.output_text, response.id === id);

const tools = [{ type: 'function', name: 'add', parameters: { type: 'object' }, strict: false }];
const turn = [{ role: 'user', content: 'What is two and two?' }];
const asks = await client.responses.create({ model: 'gpt-5-nano', input: turn, tools });
const call = asks.output.find((item) => item.type === 'function_call');
say('tool call', call.name, call.arguments);
const told = await client.responses.create({
  model: 'gpt-5-nano',
  tools,
  input: [...turn, ...asks.output, { type: 'function_call_output', call_id: call.call_id, output: '4' }],
});
say('tool answer', told.output_text);

const chat = await client.chat.completions.create(
  { model: 'gpt-5-nano', messages: [{ role: 'user', content: 'hello there' }] },
  { headers: { Prefer: 'wait=60' } },
);
say('chat', chat.choices[0].message.content);
const embedding = await client.embeddings.create(
  { model: 'text-embedding-3-small', input: 'hello' },
  { headers: { Prefer: 'wait=60' } },
);
say('embeddings', embedding.data[0].embedding.length > 0);
const moderation = await client.moderations.create({ input: 'hello' }, { headers: { Prefer: 'wait=60' } });
say('moderations', moderation.results[0].flagged);
