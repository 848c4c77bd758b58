/** What holds at a path; examine.ts has the whole inspection. */
export { inspect, type InspectOptions, inspectSync } from './inspect.ts';
export type {
  Finding,
  FindingLevel,
  FindingSubject,
  InspectedFilesystem,
  InspectedLeftover,
  InspectedLink,
  InspectedLock,
  InspectedOwner,
  Inspection,
  Measured,
} from './inspection.ts';
