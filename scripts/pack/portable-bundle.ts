import { z } from 'zod';

const SOURCE_MAP = /(sourceMappingURL=data:application\/json;charset=utf-8;base64,)([A-Za-z0-9+/=]+)/;
const StoredBundle = z.looseObject({ code: z.string() });
const SourceMap = z.looseObject({ sources: z.array(z.string()) });

/**
 * Makes a stored workflow bundle fit for another machine. Its source map keeps the line numbers of stack
 * traces; it loses this machine's paths and the text of the sources, which is two thirds of the bundle.
 *
 * @param stored the text of the bundle's file
 * @param root the project's folder, with a slash at its end
 */
export function portableBundle(stored: string, root: string): string {
  const bundle = StoredBundle.parse(JSON.parse(stored));
  const code = bundle.code.replace(SOURCE_MAP, (_all, head: string, encoded: string) => {
    const { sourcesContent: _text, ...map } = SourceMap.parse(JSON.parse(fromBase64(encoded)));
    const sources = map.sources.map((source) => source.replace(root, ''));
    return head + Buffer.from(JSON.stringify({ ...map, sources })).toString('base64');
  });
  return JSON.stringify({ ...bundle, code });
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
