// SPDX-License-Identifier: GPL-2.0-only
#include "soak/harm.h"

extern const struct harm_list *const __start_nestlab_harms[];
extern const struct harm_list *const __stop_nestlab_harms[];

const struct harm *harm_nth(size_t i)
{
	for (const struct harm_list *const *l = __start_nestlab_harms; l < __stop_nestlab_harms;
	     l++) {
		if (i < (*l)->n)
			return &(*l)->v[i];
		i -= (*l)->n;
	}
	return NULL;
}
