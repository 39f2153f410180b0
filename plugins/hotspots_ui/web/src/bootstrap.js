// The 95 % interval of skill over any weeks, as pipeline/evaluation/bootstrap.py has it: moving blocks
// of four weeks, drawn 2,000 times. Made here, so that a site of static files has it too; its chance
// is another's than Python's, but the same at every visit.
const BLOCK_WEEKS = 4, DRAWS = 2000, LEAST_WEEKS = 13, LOW = 0.025, HIGH = 0.975, SEED = 1;

/**
 * @param {number[]} ours  a score of each week, lower is better
 * @param {number[]} theirs  the baseline's of the same weeks
 * @returns {{ low: number | null, high: number | null }} nothing for too few weeks
 */
export function skillInterval(ours, theirs) {
  const weeks = ours.length;
  if (weeks < LEAST_WEEKS) return { low: null, high: null };
  const chance = mulberry32(SEED), skills = Float64Array.from({ length: DRAWS }, () => {
    let mine = 0, other = 0;
    for (let drawn = 0; drawn < weeks; drawn += BLOCK_WEEKS) {
      const start = Math.floor(chance() * (weeks - BLOCK_WEEKS + 1));
      for (let k = 0; k < Math.min(BLOCK_WEEKS, weeks - drawn); k++) {
        mine += ours[start + k];
        other += theirs[start + k];
      }
    }
    return 1 - mine / other;
  }).sort();
  return { low: quantile(skills, LOW), high: quantile(skills, HIGH) };
}

/** @param {Float64Array} sorted @param {number} share  between two values in proportion, as numpy does */
function quantile(sorted, share) {
  const at = share * (sorted.length - 1), below = Math.floor(at);
  return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

// A small generator of even chances that can be begun anew (Tommy Ettinger's, public domain).
/** @param {number} seed */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
