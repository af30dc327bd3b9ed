import { Refusal } from '../domain/refusal.ts';
import { soleHeader } from './sole-header.ts';
import type { App } from './app.ts';

/** Characters of path and query; an id of 255 characters, percent-encoded, is a tenth of it. */
const MAX_URL_LENGTH = 8_192;
/** No limit: Node drops what is beyond its 2,000, and a key among them would be ignored. 16 KiB bound it. */
const MAX_HEADERS = 0;

/** Refuses what Node would refuse without a body, or let pass: unmet expectations, no or two hosts, long URLs. */
export function checkRequestHeads(app: App): void {
  const { server } = app;
  server.maxHeadersCount = MAX_HEADERS;
  server.on('checkExpectation', (request, response) => void server.emit('request', request, response));
  app.addHook('onRequest', async ({ raw }) => {
    const { expect = [] } = raw.headersDistinct;
    if ((raw.url ?? '').length > MAX_URL_LENGTH) throw new Refusal('uri_too_long');
    if (soleHeader(raw, 'Host') === undefined && raw.httpVersion === '1.1') {
      throw new Refusal('invalid_request', { message: 'The Host header is missing.' });
    }
    if (expect.some((one) => one.toLowerCase() !== '100-continue')) throw new Refusal('expectation_failed');
  });
}
