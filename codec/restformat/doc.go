// Package restformat serves methods as plain HTTP resources, as their google.api.http annotations say: JSON bodies, and
// request fields in paths and queries. It needs no generated code for it: the annotations are read from the descriptors
// that the messages of a service are linked with.
//
// # Requests
//
// A path template has literal segments, "*" for one segment and "**" for any number of them, variables such as {id},
// {name=messages/*} and {sub.field}, and may end in a verb such as ":cancel". Of the templates that match a path and are
// bound to the HTTP method, one with the verb comes before one without, and then, segment by segment, a literal before "*"
// before "**". HEAD is GET without a body, unless it is bound itself; a binding to "*" is for all methods that have no
// other on the same template. No segment of a path may be empty, "." or "..", but "**" may stand for no segment. The path
// is decoded once; a variable of more than one segment keeps "%2F" as it is.
//
// A query parameter is the path of a field, in the names of the .proto file or of JSON, for every field that is neither in
// the path nor in the body. A repeated field takes a parameter for each element. Values are those of JSON without quotes,
// enums by name or number; Timestamp, Duration, FieldMask and the wrappers are values too. A parameter that names a field
// of the path is ignored, since the path wins over query and body. Others that name no field are refused, except "alt",
// "key", "prettyPrint", "quotaUser" and those that start with "$", which are ignored; the value of "alt" and "$alt" must be
// "json" or "sse". Two parameters for one field that is not repeated, or for one oneof, are refused.
//
// A body must have the content type application/json, or another that ends in "+json", unless it is a google.api.HttpBody,
// which takes any. A binding without a body refuses one. An empty body is an empty message. A body may be compressed in
// the ways that the configuration accepts, and so is the JSON of a unary response, if it is long and the client takes it.
//
// The header X-Server-Timeout is the deadline in seconds, such as "1.5". All headers that are not HTTP's or a format's own
// are metadata; the values of those that end in "-Bin" are base64.
//
// # Responses
//
// A response is the message, or its field response_body, in JSON, and the bytes themselves of a google.api.HttpBody. A
// server stream is newline-delimited JSON, application/x-ndjson, or server-sent events if the Accept header has
// text/event-stream or the query has alt=sse; HttpBody messages are the parts of one body.
//
// An error is the JSON form of a google.rpc.Status, {"code":5,"message":"…","details":[…]}, with the HTTP status that
// google.rpc.Code states for the code: 400 InvalidArgument, FailedPrecondition and OutOfRange, 401 Unauthenticated, 403
// PermissionDenied, 404 NotFound, 409 Aborted and AlreadyExists, 429 ResourceExhausted, 499 Canceled, 500 DataLoss, Internal
// and Unknown, 501 Unimplemented, 503 Unavailable, 504 DeadlineExceeded. Besides, a path without the HTTP method is 405, a
// query that is too long 414, and a content type that is not understood 415. In a stream that has begun, an error is the
// last line, {"error":{…}}, or the last event, of type "error"; one of HttpBody is cut off.
//
// Response metadata are headers. The metadata of the outcome are headers with the prefix "Trailer-"; of a stream, HTTP
// trailers with that prefix.
//
// Client streams and bidirectional streams are not served: their paths answer with Unimplemented.
package restformat
