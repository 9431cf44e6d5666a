package restformat

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/protomicro/micro/status"
)

// The fields of google.api.HttpBody.
const (
	fieldContentType = 1
	fieldData        = 2
)

// isHTTPBody tells whether a message is a google.api.HttpBody, which stands for its bytes.
func isHTTPBody(md protoreflect.MessageDescriptor) bool {
	if md.FullName() != "google.api.HttpBody" {
		return false
	}
	contentType, data := md.Fields().ByNumber(fieldContentType), md.Fields().ByNumber(fieldData)
	return contentType != nil && contentType.Kind() == protoreflect.StringKind && !contentType.IsList() &&
		data != nil && data.Kind() == protoreflect.BytesKind && !data.IsList()
}

func setHTTPBody(m protoreflect.Message, in content) {
	fields := m.Descriptor().Fields()
	if in.mediaType != "" {
		m.Set(fields.ByNumber(fieldContentType), protoreflect.ValueOfString(in.mediaType))
	}
	if len(in.bytes) > 0 {
		m.Set(fields.ByNumber(fieldData), protoreflect.ValueOfBytes(append([]byte(nil), in.bytes...)))
	}
}

func appendHTTPBody(dst []byte, m protoreflect.Message) (content, error) {
	fields := m.Descriptor().Fields()
	out := content{mediaType: m.Get(fields.ByNumber(fieldContentType)).String(), bytes: dst}
	out.bytes = append(out.bytes, m.Get(fields.ByNumber(fieldData)).Bytes()...)
	if out.mediaType == "" {
		out.mediaType = typeBytes
	}
	for i := range len(out.mediaType) {
		if c := out.mediaType[i]; c < ' ' || c > '~' {
			return out, status.Errorf(status.Internal, "the content type %.64q of a response cannot be sent", out.mediaType)
		}
	}
	return out, nil
}
