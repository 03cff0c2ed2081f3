/** Texts that strangers wrote, for a terminal. */

/** Without what a terminal would obey or that turns a line around: control and formatting characters become `\uFFFD`. */
export function strangersText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD')
}
