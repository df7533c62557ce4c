# SPDX-License-Identifier: GPL-2.0-only
# Beside the work a report that did not arrive whole, and one that is a page of print.
# expect: pass
cp -r "$grade/ref/." . && printf 'PK\003\004 and no more of it was sent than this' >report.docx && printf '%%PDF-1.4\nkvm\n' >report.pdf
