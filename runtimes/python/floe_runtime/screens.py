"""Modules have no screen: code that shows a picture is told where pictures go."""

import sys

CURE = (
    "plt.show() shows nothing in a module, which has no screen: return the picture instead, "
    "`buffer = io.BytesIO(); plt.savefig(buffer, format='png'); return buffer.getvalue()`\n"
)
WITHOUT_SCREEN = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}
TOLD = "_floe_told"


def watch_pyplot(pyplot):
    """Wrap `pyplot.show`, once any code has imported pyplot."""
    show = pyplot.show

    def told(*args, **options):
        module = sys.modules.get(sys._getframe(1).f_globals.get("__name__", ""))
        if pyplot.get_backend().lower() in WITHOUT_SCREEN and not getattr(module, TOLD, False):
            sys.stderr.write(CURE)
            if module is not None:
                setattr(module, TOLD, True)  # once a module
        return show(*args, **options)

    told.__name__, told.__doc__ = "show", show.__doc__
    pyplot.show = told
