// Which commands a text means, best first. Pure.

export interface Command {
  group: string;
  label: string;
  also: string; // more words that it is found by
  hint: string; // the key that does the same
  run: () => void;
}

// All words must occur; a name that begins with the text comes before one that has it, and that before the rest.
export function ranked(commands: Command[], text: string): Command[] {
  const wanted = normal(text);
  const words = wanted.split(" ").filter(Boolean);
  const found = commands.filter((one) => {
    const all = normal(`${one.group} ${one.label} ${one.also}`);
    return words.every((word) => all.includes(word));
  });
  const score = (one: Command) => (normal(one.label).startsWith(wanted) ? 0 : normal(one.label).includes(wanted) ? 1 : 2);
  return found.map((one, at) => ({ one, at, score: score(one) })).sort((a, b) => a.score - b.score || a.at - b.at).map(({ one }) => one);
}

// The same as what was chosen last come first, in the order in which they were.
export function recentFirst(commands: Command[], recent: string[]): Command[] {
  const place = (one: Command) => (recent.includes(name(one)) ? recent.indexOf(name(one)) : recent.length);
  return commands.map((one, at) => ({ one, at })).sort((a, b) => place(a.one) - place(b.one) || a.at - b.at).map(({ one }) => one);
}

export function name(command: Command): string {
  return `${command.group}: ${command.label}`;
}

function normal(text: string): string {
  return text.normalize("NFC").toLocaleLowerCase().replace(/\s+/g, " ").trim();
}
