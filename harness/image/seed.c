// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "image/image.h"
#include "core/render.h"

#define AGENT "build/guest/nestlab-agent"
#define KEY_DIGITS 16

static const struct cache_kind seeds = {
	.folder = "seeds", .suffix = ".iso", .what = "cloud-init seeds", .keep_entries = 10,
};
CACHE_KIND(seeds);

/* This lab's key pair: made once, for people's ssh into L1. */
static int public_key(struct buf *key)
{
	_cleanup_free_ char *dir = path_in_cache("ssh"), *path = strf("%s/id_ed25519", dir);
	_cleanup_free_ char *public = strf("%s.pub", path);
	char *const argv[] = { (char *)"ssh-keygen", (char *)"-q", (char *)"-t", (char *)"ed25519",
			       (char *)"-N", (char *)"", (char *)"-C", (char *)"nestlab",
			       (char *)"-f", path, NULL };
	struct proc p = { .what = "making this lab's ssh key", .argv = argv };
	int ret = 0;

	if (mkdir_p(dir))
		return fail(OUT_BROKEN, "can't make %s", dir);
	if (!path_exists(public))
		ret = proc_check(&p);
	if (!ret && file_read(public, key))
		ret = fail(OUT_BROKEN, "can't read %s", public);
	return ret;
}

static int render_user_data(struct buf *out)
{
	_cleanup_free_ char *path = path_in_root("guest-image/user-data");
	_cleanup_buf_ struct buf text = { 0 }, key = { 0 };
	int ret = public_key(&key);

	if (!ret && file_read(path, &text))
		ret = fail(OUT_BROKEN, "can't read %s", path);
	if (!ret)
		render(buf_str(&text), "@SSH_KEY@", str_strip(key.data), out);
	return ret;
}

static int write_iso(const char *tmp, const struct buf *user_data, const char *iso)
{
	_cleanup_free_ char *user = strf("%s/user-data", tmp), *meta = strf("%s/meta-data", tmp);
	_cleanup_free_ char *agent = strf("%s/nestlab-agent", tmp);
	_cleanup_free_ char *own_meta = path_in_root("guest-image/meta-data");
	_cleanup_free_ char *own_agent = path_in_root(AGENT);
	char *const argv[] = { (char *)"xorriso", (char *)"-as", (char *)"mkisofs",
			       (char *)"-quiet", (char *)"-V", (char *)"CIDATA", (char *)"-J",
			       (char *)"-R", (char *)"-o", (char *)iso, (char *)tmp, NULL };
	struct proc p = { .what = "making the cloud-init seed", .argv = argv,
			  .quiet_stderr = !ui_verbose() };

	if (mkdir_p(tmp) || file_write(user, user_data->data, user_data->len, 0644) ||
	    file_copy(own_meta, meta, 0644) || file_copy(own_agent, agent, 0755))
		return fail(OUT_BROKEN, "can't gather the cloud-init seed in %s", tmp);
	return proc_check(&p);
}

static int make_iso(void *ctx, const char *path)
{
	_cleanup_free_ char *files = strf("%s.files", path);

	return write_iso(files, ctx, path);
}

int image_seed(struct image *out)
{
	_cleanup_free_ char *meta = path_in_root("guest-image/meta-data");
	_cleanup_free_ char *agent = path_in_root(AGENT);
	_cleanup_buf_ struct buf user_data = { 0 };
	_cleanup_free_ char *name = NULL;
	struct cache_entry *e;
	struct hash *h;
	int ret;

	*out = (struct image){ 0 };
	ret = render_user_data(&user_data);
	if (ret)
		return ret;
	h = hash_new("seed-1");
	hash_add(h, "user-data", user_data.data, user_data.len);
	ret = hash_add_file(h, "meta-data", meta);
	if (!ret)
		ret = hash_add_file(h, "agent", agent);
	hash_hex(h, out->key);
	if (ret)
		return ret;
	name = xstrndup(out->key, KEY_DIGITS);
	ret = cache_get(&seeds, name, make_iso, &user_data, &e);
	if (ret)
		return ret;
	out->path = xstrdup(cache_path(e));
	out->format = xstrdup("raw");
	out->reused = !cache_made(e);
	cache_hold(e);
	return 0;
}
