/** Stands in the page where the data belong. */
const DATA_PLACE = '"the explanation"';

/**
 * The page with an explanation in it. The text of a script element ends at the first `</script`, whatever its type, so no `<`
 * of the data stays one; JSON reads the same.
 */
export function fillPage(page: string, json: string): string {
  return page.replace(DATA_PLACE, () => json.replaceAll("<", "\\u003c"));
}
