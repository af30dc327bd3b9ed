import { z } from 'zod';

/** The path of a record. */
export const RecordParams = z.object({
  id: z.string().describe('The record id, which is the idempotency key.'),
});
