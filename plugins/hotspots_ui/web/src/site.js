// The page as a site of static files, as `hotspots site` writes it: nobody logs in, and each answer
// lies in a file whose name follows from what is asked.
const mark = /** @type {HTMLMetaElement | null} */ (document.querySelector('meta[name="hotspots-site"]'));

// What is public: "all" or "divisions"; undefined beside the API.
export const site = mark?.content;

/**
 * The file that answers a path, as site_name of site_names.py names it.
 * @param {string} path @param {Record<string, string>} query
 */
export const siteName = (path, { city = "" }) =>
  ["v1", ...(city ? [city] : []), path].join("/") + (path.slice(path.lastIndexOf("/") + 1).includes(".") ? "" : ".json");

/**
 * Where an answer is, from this page.
 * @param {string} path @param {Record<string, string>} query
 */
export const addressOf = (path, query) => (site ? siteName(path, query) : `v1/${path}?${new URLSearchParams(query)}`);
