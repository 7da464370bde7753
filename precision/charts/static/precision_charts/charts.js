/* Draws every chart of a page with Plotly, in the colours of the page's theme, and again when the theme changes. */
(() => {
    "use strict";
    const OPTIONS = {
        responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    };

    function theme(place) {
        const dark = document.documentElement.classList.contains("dark");
        const style = getComputedStyle(place);
        return {
            text: style.color, family: style.fontFamily,
            grid: dark ? "rgba(255,255,255,0.14)" : "rgba(0,0,0,0.10)",
            zero: dark ? "rgba(255,255,255,0.45)" : "rgba(0,0,0,0.40)",
            hover: dark ? "#1f2937" : "#ffffff",
        };
    }

    function dressed(layout, colours) {
        const found = { ...layout, autosize: true, font: { color: colours.text, family: colours.family, size: 12 } };
        delete found.title;  // the heading above says it
        found.hoverlabel = { bgcolor: colours.hover, font: { color: colours.text } };
        for (const name of ["xaxis", "yaxis"]) {
            found[name] = {
                ...layout[name], gridcolor: colours.grid, zerolinecolor: colours.zero, linecolor: colours.zero,
            };
        }
        return found;
    }

    function draw(place) {
        const figure = JSON.parse(document.getElementById(place.dataset.chart).textContent);
        if (figure.layout.height) place.style.height = `${figure.layout.height}px`;
        window.Plotly.react(place, figure.data, dressed(figure.layout, theme(place)), OPTIONS);
    }

    function drawAll() {
        document.querySelectorAll("[data-chart]").forEach(draw);
    }

    function start() {
        if (!window.Plotly) return;  // the tables say the same
        drawAll();
        new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["class"] });
    }

    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
    else start();
})();
