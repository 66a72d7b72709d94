// The frame around every page: light or dark, the sidebar, and menus that close. Loaded first, so nothing flashes.
"use strict";

(() => {
    const root = document.documentElement;
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    const wide = window.matchMedia("(min-width: 80rem)");

    const chosenTheme = () => {
        const kept = localStorage.getItem("adminTheme")?.replaceAll('"', "");
        return ["light", "dark"].includes(kept) ? kept : "auto";
    };
    const paint = () => {
        const theme = chosenTheme();
        root.classList.toggle("dark", theme === "dark" || (theme === "auto" && system.matches));
        for (const button of document.querySelectorAll("[data-theme]")) {
            button.setAttribute("aria-pressed", String(button.dataset.theme === theme));
        }
    };
    const isSidebarOpen = () => (
        wide.matches ? !root.hasAttribute("data-sidebar-closed") : root.hasAttribute("data-sidebar-open"));
    const announceSidebar = () => {
        for (const button of document.querySelectorAll("[data-sidebar]")) {
            button.setAttribute("aria-expanded", String(isSidebarOpen()));
        }
    };
    const toggleSidebar = () => {
        if (wide.matches) {
            const closed = root.toggleAttribute("data-sidebar-closed");
            localStorage.setItem("sidebarDesktopOpen", closed ? "0" : "1");
        } else {
            root.toggleAttribute("data-sidebar-open");
        }
        announceSidebar();
    };
    const closeMenus = (except) => {
        for (const menu of document.querySelectorAll("details.bo-menu[open]")) {
            if (!menu.contains(except)) {
                menu.open = false;
            }
        }
    };

    root.toggleAttribute("data-sidebar-closed", localStorage.getItem("sidebarDesktopOpen") === "0");
    paint();
    system.addEventListener("change", paint);
    wide.addEventListener("change", announceSidebar);
    document.addEventListener("DOMContentLoaded", () => {
        paint();
        announceSidebar();
    });
    document.addEventListener("click", (event) => {
        const theme = event.target.closest("[data-theme]")?.dataset.theme;
        if (theme) {
            localStorage.setItem("adminTheme", JSON.stringify(theme));
            paint();
        }
        if (event.target.closest("[data-sidebar]")) {
            toggleSidebar();
        }
        closeMenus(event.target);
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") {
            closeMenus(null);
        }
    });
})();
