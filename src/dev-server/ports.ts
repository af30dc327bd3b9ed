import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/** A stranger has a port that the embedded server is to listen on. */
export class PortInUseError extends Error {
  readonly port: number;

  constructor(port: number, purpose: 'Temporal' | 'UI', temporalPort: number) {
    const variable = purpose === 'Temporal' ? 'REQRUN_TEMPORAL_PORT' : 'REQRUN_TEMPORAL_UI_PORT';
    super(
      `Port ${port} (${purpose === 'Temporal' ? "Temporal's" : "the Temporal UI's"}) is taken, ` +
        "and what listens there is not ReqRun's own Temporal server. " +
        `To use a Temporal server that runs: TEMPORAL_ADDRESS=${HOST}:${temporalPort}. ` +
        `To leave it alone: ${variable}=<a free port>.`,
    );
    this.name = 'PortInUseError';
    this.port = port;
  }
}

/** @throws PortInUseError that names both ways out when a stranger has one of the ports */
export async function requirePorts(port: number, uiPort: number): Promise<void> {
  if (await isPortTaken(port)) throw new PortInUseError(port, 'Temporal', port);
  if (await isPortTaken(uiPort)) throw new PortInUseError(uiPort, 'UI', port);
}

/** Whether something has a loopback port. @throws Error where it may not be listened on at all */
export async function isPortTaken(port: number): Promise<boolean> {
  // macOS lets 127.0.0.1 be bound beside a listener on every interface: binding alone would not see it.
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
