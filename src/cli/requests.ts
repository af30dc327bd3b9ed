import { Command, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import { loadClientSettings } from '../config.ts';
import { OPERATION_NAMES, type Operation } from '../domain/operations.ts';
import { RetryOptions } from '../domain/options.ts';
import { type Api, createApi, TRIES } from './api.ts';
import { readRecord } from './await-end.ts';
import { readBody, withOwnFields } from './body.ts';
import { ExitCode, toFailure } from './exit-codes.ts';
import { addRequestOptions, CreateOptions, requestOptions, seconds } from './request-options.ts';
import { showAccepted, showDeleted, showRecord, waitFor } from './show.ts';
import type { Terminal } from './terminal.ts';

/** What the commands of the group are given on the command line. */
interface Given {
  readonly url?: string;
  readonly json?: boolean;
  readonly wait?: boolean;
  readonly timeout?: number;
  readonly key?: string;
  readonly operation?: Operation;
}

/** A command's work. */
type Act = (api: Api, given: Given, argument: string) => Promise<ExitCode>;

/**
 * Creates `reqrun requests`: the commands that call a service.
 *
 * @param finish is given the exit code of a command
 */
export function requestsCommand(terminal: Terminal, finish: (code: ExitCode) => void): Command {
  const group = new Command('requests').description('create, read and change requests of a service');
  const add = (name: string, description: string, act: Act): Command =>
    group
      .command(name)
      .description(description)
      .option('--url <address>', 'address of the service (default: REQRUN_URL, else http://127.0.0.1:8080)')
      .option('--json', "print the API's own document")
      .action(async (argument: string, given: Given) =>
        finish(await act(createApi(loadClientSettings(given.url)), given, argument)),
      );
  const awaitIt = (api: Api, { json = false, timeout }: Given, id: string): Promise<ExitCode> =>
    waitFor(terminal, api, id, { json, timeoutMs: timeout === undefined ? null : timeout * 1000 });
  const show = { json: false };

  const create: Act = async (api, given, file) => {
    const options = requestOptions({ ...given }, CreateOptions);
    const read = withOwnFields(await readBody(file), { key: given.key ?? null, options });
    const key = read.key ?? `cli-${randomUUID()}`;
    // A key of its own lets the client send the call again when its answer is lost.
    const { text } = read.key === null ? withOwnFields(read.text, { key, options: {} }) : read;
    try {
      const answer = await api.create(given.operation ?? 'chat.completions', text, key);
      if (isWaiting(given)) return await awaitIt(api, given, answer.requestId ?? key);
      return showAccepted(terminal, answer, { ...show, ...given });
    } catch (error) {
      if (read.key === null && toFailure(error).exitCode === ExitCode.unreachable) {
        terminal.remark(`The call may have arrived. Send it again with --key ${key}`);
      }
      throw error;
    }
  };
  const retry: Act = async (api, given, id) => {
    // The run lets the client send the call again without a second run.
    const { record } = await readRecord(api, id);
    const answer = await api.retry(id, record.run, requestOptions({ ...given }, RetryOptions));
    return isWaiting(given) ? awaitIt(api, given, id) : showRecord(terminal, answer, { ...show, ...given });
  };

  const operation = new Option('--operation <name>', 'the OpenAI call').choices(OPERATION_NAMES);
  addWait(addRequestOptions(add('create', 'create a request from a JSON body', create), CreateOptions))
    .argument('[file]', 'file with the body; - for stdin', '-')
    .option('--key <idempotency key>', 'name of the request; without one, a new name is used')
    .addOption(operation.default('chat.completions'));
  add('get', 'read a record', async (api, given, id) =>
    showRecord(terminal, await api.read(id, 0, TRIES), { ...show, ...given }),
  ).argument('<id>');
  add('wait', 'wait for the end of a request, and print its result', awaitIt)
    .argument('<id>')
    .option('--timeout <seconds>', 'longest wait (default: until the request ends)', seconds);
  add('cancel', 'cancel a request', async (api, given, id) =>
    showRecord(terminal, await api.cancel(id), { ...show, ...given }),
  ).argument('<id>');
  addWait(
    addRequestOptions(add('retry', 'run a failed or cancelled request again', retry), RetryOptions),
  ).argument('<id>');
  add('delete', 'delete a terminal request with all its runs', async (api, given, id) =>
    showDeleted(terminal, await api.delete(id), { ...show, ...given }),
  ).argument('<id>');
  return group;
}

function addWait(command: Command): Command {
  return command
    .option('--wait', 'wait for the end, and print the result')
    .option('--timeout <seconds>', 'longest wait; implies --wait', seconds);
}

function isWaiting({ wait = false, timeout }: Given): boolean {
  return wait || timeout !== undefined;
}
