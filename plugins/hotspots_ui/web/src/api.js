/** @import { Answer, ApiError, WeekOutcome } from "./types" */

import { addressOf } from "./site.js";

// Asks the API beside this page. What a week holds is kept, so that moving back is instant; the
// browser itself revalidates by ETag.
const KEPT = 80;
const NO_ANSWER = "The server does not answer as it should. Check the connection and try again.";
/** @type {Map<string, Promise<any>>} */
const kept = new Map();

/**
 * @template {string} Path
 * @param {Path} path
 * @param {Record<string, string>} query
 * @returns {Promise<Answer<Path>>}
 */
export async function ask(path, query = {}) {
  const answer = await fetch(addressOf(path, query), { credentials: "same-origin", cache: "no-cache" }).catch(() => { throw new Error(NO_ANSWER); });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const words = typeof body.detail === "string" ? body.detail : NO_ANSWER;
    const status = words === "Invalid JWT token" ? 401 : answer.status; // of a login that no longer counts
    throw Object.assign(new Error(words), { status });
  }
  return body;
}

/**
 * @template {string} Path
 * @param {Path} path
 * @param {Record<string, string>} query
 * @returns {Promise<Answer<Path>>}
 */
export function askOnce(path, query = {}) {
  const key = path + JSON.stringify(query);
  const held = kept.get(key);
  if (held) return held;
  const answer = ask(path, query);
  answer.catch(() => kept.delete(key));
  kept.set(key, answer);
  const [oldest] = kept.keys();
  if (kept.size > KEPT) kept.delete(oldest);
  return answer;
}

/**
 * An outcome that isn't known yet is an answer too: null.
 * @param {string} city
 * @param {string} week
 * @returns {Promise<WeekOutcome | null>}
 */
export async function askOutcome(city, week) {
  try {
    return await askOnce(`weeks/${week}/outcome`, { city });
  } catch (error) {
    if (/** @type {ApiError} */ (error).status === 404) return null;
    throw error;
  }
}

/**
 * The week of a run of the DAG, from what its first task returned.
 * @param {string} dag
 * @param {string} run
 * @returns {Promise<{ city: string, week: string } | null>}
 */
export async function weekOfRun(dag, run) {
  const place = `dags/${encodeURIComponent(dag)}/dagRuns/${encodeURIComponent(run)}`;
  const path = `../api/v2/${place}/taskInstances/resolve_week/xcomEntries/return_value`;
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) return null;
  const { value } = await answer.json();
  const plan = typeof value === "string" ? JSON.parse(value) : value;
  return { city: plan.city, week: plan.target_week };
}
