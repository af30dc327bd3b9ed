/** Process entry of `npm run build`: leaves the workflow bundles in dist, so that starting need not bundle. */
import { loadWorkflowBundle } from './workflow-bundle.ts';

await loadWorkflowBundle();
await loadWorkflowBundle(true);
