// Tables for the clipboard. A cell's `data-copy` holds what it stands for: a number, and behind a tab its deviation.

const FORMATS = { "for a spreadsheet": tabbed, "as Markdown": markdown, "as LaTeX": latex };

const copied = (cell) => (cell.dataset.copy ?? cell.textContent).replaceAll(MINUS, "-").replace(/[\r\n]+/g, " ").trim();
const cellsOf = (row) => [...row.children].map((cell) => ({ parts: copied(cell).split("\t"), best: cell.classList.contains("best"), span: cell.colSpan }));

// What a spreadsheet would take for a formula stays text.
const literal = (part) => (/^[=+@]/.test(part) || (/^-/.test(part) && Number.isNaN(Number(part))) ? `'${part}` : part);

function tabbed(head, rows) {
  const widths = head.map(({ parts }) => parts.length);
  const line = (cells) => cells.flatMap(({ parts }, i) => [...parts, ...Array(Math.max(0, (widths[i] ?? 1) - parts.length)).fill("")].map(literal)).join("\t");
  return [head, ...rows].map(line).join("\n");
}

function markdown(head, rows) {
  const words = ({ parts: [value, deviation] }) => (deviation ? `${value} ± ${deviation}` : value).replaceAll("|", "\\|");
  const line = (cells, draw) => `| ${cells.map(draw).join(" | ")} |`;
  return [line(head, ({ parts }) => words({ parts: parts.slice(0, 1) })), line(head, () => "---"),
    ...rows.map((row) => line(row, (cell) => (cell.best ? `**${words(cell)}**` : words(cell))))].join("\n");
}

const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "β": "$\\beta$", "–": "--" };
const escaped = (words) => words.replace(/[\\~^±β–{}$&#_%]/g, (sign) => LATEX[sign] ?? `\\${sign}`);

function latex(head, rows) {
  const words = ({ parts: [value, deviation] }) => (deviation ? `$${value} \\pm ${deviation}$` : /^-?[\d.]+$/.test(value) ? `$${value}$` : escaped(value));
  const line = (cells, draw) => `  ${cells.map(draw).join(" & ")} \\\\`;
  return [`\\begin{tabular}{l${"r".repeat(Math.max(0, head.length - 1))}}`, "  \\toprule", line(head, ({ parts }) => escaped(parts[0])), "  \\midrule",
    ...rows.map((row) => line(row, (cell) => (cell.best ? `\\textbf{\\boldmath ${words(cell)}}` : words(cell)))), "  \\bottomrule", "\\end{tabular}"].join("\n");
}

async function toClipboard(words) {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    // Pages from a server without encryption have no clipboard but this one.
    const area = h("textarea", { readonly: true, class: "unseen" });
    area.value = words;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// A menu that copies a table: its row of heads, and all its rows, also those not shown.
function copyMenu(head, rows) {
  const title = h("summary", { class: "button quiet" }, "Copy table");
  const item = ([name, format]) => h("button", { type: "button", class: "quiet", onclick: async () => {
    await toClipboard(format(cellsOf(head), rows().map(cellsOf)));
    details.open = false;
    title.focus();
    say(title, "Copied");
  } }, name);
  const details = dropDown(title, Object.entries(FORMATS).map(item));
  details.classList.add("copy");
  return details;
}
