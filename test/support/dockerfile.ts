/** One instruction of a Dockerfile. */
export interface Instruction {
  readonly name: string;
  /** The stage that it belongs to; null for the last one, which has no name. */
  readonly stage: string | null;
  /** Its arguments as one text, with continued lines joined. */
  readonly text: string;
  /** Its arguments; those of the JSON form where it has that. */
  readonly words: readonly string[];
}

/** Reads the instructions of a Dockerfile, in order. */
export function instructionsOf(dockerfile: string): readonly Instruction[] {
  const lines = dockerfile
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n');
  let stage: string | null = null;
  return lines.flatMap((line): Instruction[] => {
    const [, name, text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (name === undefined) return [];
    if (name === 'FROM') stage = / AS (\w+)$/.exec(text)?.[1] ?? null;
    const [list] = /\[.*\]$/.exec(text) ?? [];
    return [{ name, stage, text, words: list === undefined ? text.split(/\s+/) : JSON.parse(list) }];
  });
}
