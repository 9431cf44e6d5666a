package generator

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// comment returns the text of the comment that the proto file has for an element, without trailing blank lines.
func comment(set protogen.CommentSet) string {
	text := string(set.Leading)
	if text == "" {
		text = string(set.Trailing)
	}
	lines := strings.Split(strings.TrimRight(text, " \t\r\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimRight(plain(line), " \t"), " ")
	}
	return strings.Join(lines, "\n")
}

// deprecation returns the paragraph that says that d is deprecated, or "".
func deprecation(d protoreflect.Descriptor) string {
	if options, ok := d.Options().(interface{ GetDeprecated() bool }); ok && options.GetDeprecated() {
		return "Deprecated: Do not use."
	}
	return ""
}

// methodDoc returns the comment of a client's method.
func methodDoc(m *protogen.Method) string {
	text := comment(m.Comments)
	if strings.HasPrefix(text, m.GoName+" ") {
		return doc("", text, deprecation(m.Desc))
	}
	first := m.GoName + " calls " + string(m.Parent.Desc.FullName()) + "/" + string(m.Desc.Name()) + "."
	return doc(first, text, deprecation(m.Desc))
}

// doc returns the Go comment that consists of paragraphs, of which any can be empty.
func doc(first, text, deprecated string) string {
	if strings.HasPrefix(text, "Deprecated:") || strings.Contains(text, "\n\nDeprecated:") {
		deprecated = "" // said already
	}
	var b strings.Builder
	for _, paragraph := range []string{first, text, deprecated} {
		if paragraph == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n//\n")
		}
		for i, line := range strings.Split(paragraph, "\n") {
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(strings.TrimRight("// "+line, " "))
		}
	}
	return b.String()
}
