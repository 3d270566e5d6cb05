// What must not compile: each line says in which error it ends, and the test that it does.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

const api = createClient<paths>();
declare const article: components["schemas"]["Article"];
declare const item: components["schemas"]["Item"];
declare const problem: components["schemas"]["ProblemDetails"];

article.author; // TS2339
item.title.length; // TS18048
article.canonical_source.length; // TS18047
article.published_at.getTime(); // TS2339
problem.errors.length; // TS18048
await api.GET("/news.xml", {}); // TS2345
await api.GET("/news.json", { params: { query: { sort: "title" } } }); // TS2322
await api.GET("/news.json", { params: { query: { fields: ["author"] } } }); // TS2322
await api.GET("/news.json", { params: { query: { page: 2 } } }); // TS2353
await api.GET("/topics.json", { params: { query: { sort: "relevance" } } }); // TS2322
await api.GET("/changes.json", { params: { query: { since: "yesterday" } } }); // TS2322
await api.GET("/news/{slug}.json"); // TS2554
(await api.GET("/news/{slug}.json", { params: { path: { slug: "a" } } })).data.title; // TS2532
