import { family } from "./catalogue.js";

/** What is wrong with the functions of `project.udfs.ts`; see `catalogue.ts`. */
export const udfProblem = family("udf", {
  "not-bundled": (p: { message: string }) => ({
    says: `project.udfs.ts cannot be compiled: ${p.message}`,
    ...(p.message.startsWith("Could not resolve")
      ? {
          help: 'there are "daedalus/udfs" (which has defineUdf), "apache-arrow", files beside it, and packages that are installed there',
        }
      : {}),
  }),
  "not-loaded": (p: { message: string }) => ({
    says: `project.udfs.ts cannot be loaded: ${p.message}`,
    help: "what stands outside of its functions runs when a service is compiled, and in every worker; it must not need files",
  }),
  "not-a-udf": (p: { name: string; what: string }) => ({
    says: `the export "${p.name}" of project.udfs.ts is no function for columns: ${p.what}`,
    help: "write export const <name> = defineUdf({arguments: [dtypes], returns: dtype, compute(columns, rows) {…}}); what is not exported may be anything",
  }),
  failed: (p: { name: string; message: string }) => ({
    says: `the function "${p.name}" of project.udfs.ts failed: ${p.message}`,
    help: "it is called with batches of rows, NULLs among them",
  }),
  "wrong-result": (p: { name: string; wanted: string; got: string }) => ({
    says: `the function "${p.name}" of project.udfs.ts must give ${p.wanted}, and gave ${p.got}`,
    help: "return an Arrow vector of the type that `returns` declares, with a value or a NULL for each row",
  }),
});
