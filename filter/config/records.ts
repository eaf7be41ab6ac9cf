// The parts of a configuration that are flat records, read by json-as into typed classes. The text
// was parsed and its shape checked before: json-as gets nothing that it could stumble over.

import { JSON } from "json-as";

@json
export class ServiceRecord {
  cluster: string = "";
  authority: string = "";
  timeout: string = "";
}

export function parseService(text: string): ServiceRecord {
  return JSON.parse<ServiceRecord>(text);
}
