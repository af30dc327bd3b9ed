/**
 * Process entry of `npm run build`. Writes the workflow bundles to dist, so that no process has to bundle at
 * its start.
 */
import { loadWorkflowBundle } from './workflow-bundle.ts';

await loadWorkflowBundle();
await loadWorkflowBundle(true);
