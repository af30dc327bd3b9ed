// A summary is written in the background. It goes on when this process dies, because ReqRun keeps the request;
// this process keeps nothing.
//
//   curl -X PUT http://127.0.0.1:3000/tickets/842/summary -H 'content-type: application/json' -d '{"text":"..."}'
//   curl http://127.0.0.1:3000/tickets/842/summary
import express from 'express';
import { ReqRun } from '@reqrun/client';
import { NotFoundError } from 'openai';

const reqrun = new ReqRun({
  baseURL: process.env.REQRUN_BASE_URL ?? 'http://127.0.0.1:8080/v1',
  apiKey: process.env.REQRUN_API_KEY ?? 'unused',
});
const model = process.env.MODEL ?? 'demo';
const app = express().use(express.json());

// The key names the work, so that a second PUT of the same text joins the first one.
const keyOf = (ticket) => `ticket-${ticket}-summary-v1`;

app.put('/tickets/:ticket/summary', async (request, response) => {
  const id = keyOf(request.params.ticket);
  await reqrun.chat.completions.create({
    model,
    messages: [{ role: 'user', content: `Summarise this ticket:\n${request.body.text}` }],
    idempotency_key: id,
  });
  response.status(202).location(request.originalUrl).json({ status: 'accepted' });
});

app.get('/tickets/:ticket/summary', async (request, response) => {
  const record = await reqrun.requests.get(keyOf(request.params.ticket));
  const { status, attempts, error, result } = record;
  response.json({
    status,
    attempts,
    ...(error === null ? {} : { error: error.code }),
    ...(status === 'completed' ? { summary: result.choices[0].message.content } : {}),
  });
});

app.use((error, _request, response, _next) => {
  if (error instanceof NotFoundError) return response.status(404).json({ error: 'no such summary' });
  // ReqRun's own code, such as idempotency_key_reused if the ticket has another text now.
  response.status(error.status ?? 503).json({ error: error.code ?? 'reqrun_unreachable' });
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
