
// index.js calls this once for each of its lines; the last line of an attempt is the one that counts.
const attempts = new Map();
let damaged = 0, broken = false;
function attempt(line) {
  const fits = line && ["application", "run", "started", "ended", "phase", "mode", "outcome", "message", "who"].every((key) => typeof line[key] === "string");
  if (!fits || !Number.isInteger(line.attempt)) { damaged += 1; return; }
  attempts.set(line.application + "/" + line.run + "/" + line.attempt, line);
}
addEventListener("error", () => { broken = true; }, true);
document.getElementById("without").hidden = true;
