/** Loaded into a process with `--import`: at SIGUSR2 it takes memory until V8 ends the process. */
process.on('SIGUSR2', () => {
  const hoard: number[][] = [];
  for (;;) hoard.push(Array.from({ length: 100_000 }, () => hoard.length));
});
