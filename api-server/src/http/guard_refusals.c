#include "http/guard_rules.h"

/* clang-format off */
static const struct guard_refusal refusals[] = {
    [REFUSE_BARE_LINE_END] = {400, "bare-line-end", "Lines of a request head must end with CR LF.", NULL, NULL},
    [REFUSE_CONTROL_BYTE] = {400, "control-byte", "The request head holds a control byte.", NULL, NULL},
    [REFUSE_EMPTY_LINES] = {400, "empty-lines", "More than one empty line stands before the request line.", NULL, NULL},
    [REFUSE_REQUEST_LINE] = {400, "request-line", "The request line must be a method, a target and a version with one space between them.", NULL, NULL},
    [REFUSE_METHOD_SYNTAX] = {400, "method-syntax", "The method is not a token.", NULL, NULL},
    [REFUSE_METHOD_UNKNOWN] = {501, "method-unknown", "This server does not know the method; methods are case-sensitive.", NULL, NULL},
    [REFUSE_METHOD_NOT_SERVED] = {405, "method-not-served", "This server serves neither CONNECT nor TRACE.",
                                  "Allow", "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"},
    [REFUSE_VERSION] = {505, "version", "This server speaks HTTP/1.1 and HTTP/1.0.", NULL, NULL},
    [REFUSE_TARGET] = {400, "target", "The request-target is not a path, an http or https URL, or the * of OPTIONS, or holds a byte that must be percent-encoded.", NULL, NULL},
    [REFUSE_TARGET_LONG] = {414, "target-long", "The request-target is too long.", NULL, NULL},
    [REFUSE_HEAD_LONG] = {431, "head-long", "The request head is too long.", NULL, NULL},
    [REFUSE_FIELD_COUNT] = {431, "field-count", "The request has too many header fields.", NULL, NULL},
    [REFUSE_FIELD_FOLDED] = {400, "field-folded", "A header line starts with white space; folded lines are not accepted.", NULL, NULL},
    [REFUSE_FIELD_NAME] = {400, "field-name", "A header line does not start with a field name and a colon.", NULL, NULL},
    [REFUSE_FIELD_TWICE] = {400, "field-twice", "A header field that may stand once stands twice.", NULL, NULL},
    [REFUSE_HOST_MISSING] = {400, "host-missing", "The request has no Host field.", NULL, NULL},
    [REFUSE_HOST] = {400, "host", "The Host field is not a host with an optional port.", NULL, NULL},
    [REFUSE_HOST_DIFFERS] = {400, "host-differs", "The Host field names another host than the request-target.", NULL, NULL},
    [REFUSE_LENGTH] = {400, "length", "Content-Length must be one decimal number without sign or leading zeros.", NULL, NULL},
    [REFUSE_LENGTH_AND_CODING] = {400, "length-and-coding", "Content-Length and Transfer-Encoding exclude each other.", NULL, NULL},
    [REFUSE_LENGTH_REQUIRED] = {411, "length-required", "This request needs a body, with Content-Length or Transfer-Encoding: chunked.", NULL, NULL},
    [REFUSE_CODING] = {400, "coding", "Transfer-Encoding must end with chunked.", NULL, NULL},
    [REFUSE_CODING_UNKNOWN] = {501, "coding-unknown", "This server knows no transfer coding but chunked.", NULL, NULL},
    [REFUSE_CODING_OLD] = {400, "coding-old", "HTTP/1.0 has no Transfer-Encoding.", NULL, NULL},
    [REFUSE_BODY_LONG] = {413, "body-long", "The request body is too long.", NULL, NULL},
    [REFUSE_CHUNK] = {400, "chunk", "The chunked body is malformed.", NULL, NULL},
    [REFUSE_EXTENSION_LONG] = {413, "extension-long", "The chunk extensions are too long.", NULL, NULL},
    [REFUSE_TRAILER] = {400, "trailer", "The trailer section is malformed.", NULL, NULL},
    [REFUSE_TRAILER_FIELD] = {400, "trailer-field", "Content-Length, Transfer-Encoding and Host may not stand in the trailer section.", NULL, NULL},
    [REFUSE_TRAILER_LONG] = {431, "trailer-long", "The trailer section is too long.", NULL, NULL},
    [REFUSE_CONNECTION] = {400, "connection", "Connection is not a list of tokens.", NULL, NULL},
    [REFUSE_EXPECT] = {417, "expect", "This server meets no expectation but 100-continue.", NULL, NULL},
    [REFUSE_UPGRADE] = {400, "upgrade", "A WebSocket upgrade must be a GET without a body, with a Sec-WebSocket-Key of 16 bytes in base64.", NULL, NULL},
    [REFUSE_UPGRADE_VERSION] = {426, "upgrade-version", "This server speaks version 13 of WebSocket.", "Sec-WebSocket-Version", "13"},
};
/* clang-format on */

enum guard_result guard_refuse(struct guard *guard, enum refusal why) {
  guard->refusal = &refusals[why];
  return GUARD_REFUSED;
}

const struct guard_refusal *guard_require_body(const struct request_head *head) {
  return head->body == BODY_NONE ? &refusals[REFUSE_LENGTH_REQUIRED] : NULL;
}
