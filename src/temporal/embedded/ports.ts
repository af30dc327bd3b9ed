import { createServer } from 'node:net';
import { once } from 'node:events';

/** Whether something listens on a loopback port. */
export async function isPortTaken(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return false;
  } catch {
    return true;
  } finally {
    probe.close();
  }
}

/** @throws Error that names both ways out when a stranger has one of the ports */
export async function requirePorts(port: number, uiPort: number): Promise<void> {
  if (await isPortTaken(port)) {
    throw new Error(
      `Port ${port} is taken, and what listens there is not ReqRun's own Temporal server. ` +
        `To use it as the Temporal server: TEMPORAL_ADDRESS=127.0.0.1:${port}. ` +
        'To leave it alone: REQRUN_TEMPORAL_PORT=<a free port>.',
    );
  }
  if (await isPortTaken(uiPort)) {
    throw new Error(`Port ${uiPort} is taken: set REQRUN_TEMPORAL_UI_PORT to a free port for the Temporal UI.`);
  }
}
