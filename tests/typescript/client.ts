// What a frontend asks for, typed by the server's own OpenAPI document, and told as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

type Query = NonNullable<paths["/news.json"]["get"]["parameters"]["query"]>;
type Schemas = components["schemas"];

const [site, slug, since] = process.argv.slice(2);
if (!site || !slug || !since) throw new Error("client.ts SITE SLUG SINCE");
const api = createClient<paths>({ baseUrl: site });

/** Return the data of an answer, or fail as the server says. */
function got<Data>(answer: { data?: Data; error?: Schemas["ProblemDetails"] }): Data {
  if (answer.data === undefined) throw new Error(answer.error?.detail ?? "nothing was answered");
  return answer.data;
}

/** Yield the pages of a listing, from the first to the last. */
async function* pages(query: Query) {
  let asked = query;
  while (true) {
    const page = got(await api.GET("/news.json", { params: { query: asked } }));
    yield page;
    const cursor = page.next && new URL(page.next).searchParams.get("cursor");
    if (!cursor) return;
    asked = { ...query, cursor };
  }
}

async function listed(query: Query) {
  const sizes: number[] = [];
  const items: Schemas["Item"][] = [];
  for await (const page of pages(query)) {
    sizes.push(page.items.length);
    items.push(...page.items);
  }
  return { sizes, slugs: items.map((item) => item.slug), fields: Object.keys(items[0] ?? {}) };
}

async function read(slug: string) {
  const params = { path: { slug } };
  const article = got(await api.GET("/news/{slug}.json", { params }));
  const related = got(await api.GET("/news/{slug}/related.json", { params }));
  const linked = got(await api.GET("/news/{slug}.jsonld", { params }));
  return {
    title: article.title.toUpperCase(),
    source: article.canonical_source && new URL(article.canonical_source).host,
    year: new Date(article.published_at).getUTCFullYear(),
    topics: article.topics.join(", "),
    markdown: new URL(article.alternates.markdown).pathname,
    lines: article.body_md.split("\n").length,
    related: related.items.map((item) => item.slug),
    type: linked["@type"],
  };
}

async function searched(q: string) {
  const query: Query = { q, sort: "relevance", fields: ["slug"], include: ["total", "facets"] };
  const page = got(await api.GET("/news.json", { params: { query } }));
  return {
    found: page.items.map(({ slug, highlights }) => [slug, highlights?.title ?? null]),
    total: page.total?.value,
    exact: page.total?.exact,
    topics: page.facets?.terms.topic.map(({ value, articles }) => `${value}: ${articles}`),
  };
}

async function completed(prefix: string) {
  const params = { query: { prefix, sort: "-articles" } } as const;
  const { items, next } = got(await api.GET("/topics.json", { params }));
  return { topics: items.map(({ name, articles }) => `${name}: ${articles}`), next };
}

async function followed(since: number) {
  const told: [Schemas["Change"]["kind"], string, string | null][] = [];
  let [last, more] = [since, true];
  while (more) {
    const params = { query: { since: last, limit: 1, include: "record" } } as const;
    const page = got(await api.GET("/changes.json", { params }));
    for (const { kind, slug, record } of page.changes) {
      told.push([kind, slug, record?.title ?? null]);
    }
    ({ last, more } = page);
  }
  return { told, last };
}

async function refused() {
  const query: Query = { limit: 1000, topic: ["No Slug"] };
  const { error } = await api.GET("/news.json", { params: { query } });
  const params = { path: { slug: "nothing-here" } };
  const missing = await api.GET("/news/{slug}.json", { params });
  return {
    status: error?.status,
    errors: error?.errors?.map(({ parameter }) => parameter),
    missing: [missing.response.status, missing.error?.title],
  };
}

console.log(
  JSON.stringify({
    all: await listed({ limit: 2, fields: ["slug", "title"] }),
    filtered: await listed({
      topic: ["transport", "cities"],
      "topic.not": ["sport"],
      sort: "published_at",
      fields: ["slug"],
    }),
    article: await read(slug),
    search: await searched("tram*"),
    topics: await completed("t"),
    changes: await followed(Number(since)),
    refused: await refused(),
  }),
);
