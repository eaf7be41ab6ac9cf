/** How a conformance suite went. */
export interface SuiteResult {
  passed: number;
  failed: number;
  skipped: number;
}
