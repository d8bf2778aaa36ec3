/** The tags code of a scanned record, for the workers of the store tools. */
import { TagsCodes } from '../../broker/tags-code.ts';
import type { TagsCodeOf } from '../../store/expected-entries.ts';

export function tagsCodes(): TagsCodeOf {
  const codes = new TagsCodes();
  return ({ bytes, cursor }, { tagsHash }) => codes.of(bytes, cursor, tagsHash);
}
