import { OpsError, type PartialAnswer } from "../../client/client.ts";

/**
 * Reads several answers and collects their errors; an answer that cannot be read at all is null.
 */
export function createReads() {
  const errors: OpsError[] = [];
  const read = async <Data>(answer: Promise<PartialAnswer<Data>>): Promise<Data | null> => {
    try {
      const { data, errors: own } = await answer;
      errors.push(...own);
      return data;
    } catch (error) {
      if (!(error instanceof OpsError)) throw error;
      errors.push(error);
      return null;
    }
  };
  return { read, errors: errors as readonly OpsError[] };
}
