import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/** Another program uses a port that the embedded server needs. */
export class PortInUseError extends Error {
  readonly port: number;

  constructor(port: number, purpose: 'Temporal' | 'UI', temporalPort: number) {
    const variable = purpose === 'Temporal' ? 'REQRUN_TEMPORAL_PORT' : 'REQRUN_TEMPORAL_UI_PORT';
    super(
      `Port ${port} (${purpose === 'Temporal' ? "Temporal's" : "the Temporal UI's"}) is in use, ` +
        "and the program that listens there is not ReqRun's own Temporal server. " +
        `To use a Temporal server that is already running, set TEMPORAL_ADDRESS=${HOST}:${temporalPort}. ` +
        `To use another port, set ${variable}=<a free port>.`,
    );
    this.name = 'PortInUseError';
    this.port = port;
  }
}

/** @throws PortInUseError if another program uses one of the ports. Its message names both ways out */
export async function requirePorts(port: number, uiPort: number): Promise<void> {
  if (await isPortTaken(port)) throw new PortInUseError(port, 'Temporal', port);
  if (await isPortTaken(uiPort)) throw new PortInUseError(uiPort, 'UI', port);
}

/**
 * Whether a loopback port is in use.
 *
 * @throws Error if listening on it is not permitted
 */
export async function isPortTaken(port: number): Promise<boolean> {
  // macOS allows a bind to 127.0.0.1 while another program listens on every interface, so a bind alone would
  // not detect that.
  if (await isListening(port)) return true;
  const probe = createServer();
  try {
    probe.listen(port, HOST);
    await once(probe, 'listening');
    return false;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return true;
    throw error;
  } finally {
    probe.close();
  }
}

/** Whether a loopback port accepts connections. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, HOST);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
