// The one route there is wherever rules are served locally: in the embedded host and in front of Envoy.

export const ROUTE = "default";
/** Its cluster. */
export const UPSTREAM = "upstream";

/** What a proxy says of it to a stream. */
export const ROUTE_PROPERTIES = { "xds.route_name": ROUTE, "xds.cluster_name": UPSTREAM };
