/** A page of any of the lists, as far as its frame is concerned. */
export interface Page {
  totalCount: number;
  nodes: readonly unknown[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
}
