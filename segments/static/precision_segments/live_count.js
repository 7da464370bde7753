// The live count under the condition of a segment: asked while somebody types, the answer written as text, never as HTML.
"use strict";
(() => {
    const WAIT = 600; // milliseconds without a key before it is asked

    const make = (tag, text, css) => {
        const element = document.createElement(tag);
        if (text) element.textContent = text;
        if (css) element.className = css;
        return element;
    };

    const linked = (name, url) => {
        const link = make("a", name, "precision-link");
        link.href = url;
        return link;
    };

    const sentence = (found) => {
        const share = found.share === null ? "" : ` (${(100 * found.share).toFixed(1)} %)`;
        const day = found.as_of ? `, as of ${found.as_of}` : "";
        return `${found.count.toLocaleString("en")} of ${found.of.toLocaleString("en")} customers${share}${day}; ` +
            `counted in ${found.took_ms.toLocaleString("en")} ms`;
    };

    const sample = (people) => {
        const line = make("p", "Some of them: ");
        people.forEach((one, index) => line.append(index ? " · " : "", linked(one.name, one.url)));
        return line;
    };

    const paces = (terms) => {
        const list = make("ul");
        terms.forEach((one) => {
            const place = one.path ? `${one.path}: ` : "";
            const note = one.note ? `; ${one.note}` : "";
            list.append(make("li", `${place}${one.term} – takes effect ${one.pace}${note}`));
        });
        return list;
    };

    const watch = (field) => {
        const form = field.form;
        const token = Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("");
        const box = make("div", "", "precision-count");
        const button = make("button", "Count", "precision-count-button");
        const answer = make("div", "", "precision-count-answer");
        button.type = "button";
        answer.setAttribute("role", "status");
        answer.setAttribute("aria-live", "polite");
        box.append(button, answer);
        field.insertAdjacentElement("afterend", box);
        let waiting = null;
        let asking = null;

        const show = (css, ...parts) => {
            answer.className = `precision-count-answer ${css}`;
            answer.replaceChildren(...parts);
        };

        const ask = async () => {
            clearTimeout(waiting);
            if (asking) asking.abort();
            const chosen = form.elements.scope;
            const body = new URLSearchParams({
                csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value,
                scope: field.dataset.scope || (chosen ? chosen.value : ""),
                key: field.dataset.key || (form.elements.key ? form.elements.key.value : ""),
                condition: field.value,
                token,
            });
            const mine = asking = new AbortController();
            show("precision-faint", make("p", "Counting …"));
            try {
                const response = await fetch(field.dataset.count, { method: "POST", body, signal: mine.signal });
                const found = await response.json();
                if (mine !== asking) return;
                if (!response.ok) {
                    if (response.status !== 409) show("precision-alarm", make("p", found.error));
                    return;
                }
                const parts = [make("p", sentence(found), "precision-count-number")];
                if (found.sample.length) parts.push(sample(found.sample));
                show("", ...parts, paces(found.effects));
            } catch (error) {
                if (error.name !== "AbortError") show("precision-alarm", make("p", "The count did not come through; try again."));
            }
        };

        const soon = () => {
            clearTimeout(waiting);
            waiting = setTimeout(ask, WAIT);
        };

        field.addEventListener("input", soon);
        if (form.elements.scope) form.elements.scope.addEventListener("change", soon);
        button.addEventListener("click", ask);
    };

    const toggleList = (box, field) => {
        const row = (name) => {
            const element = document.getElementById(name);
            return element && element.closest(".form-row, .field-row, .field-line");
        };
        const follow = () => {
            const rows = { [field.id]: !box.checked, id_listed: box.checked, id_listed_at: box.checked };
            Object.entries(rows).forEach(([name, shown]) => {
                const found = row(name);
                if (found) found.style.display = shown ? "" : "none";
            });
        };
        box.addEventListener("change", follow);
        follow();
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("textarea[data-count]").forEach((field) => {
            watch(field);
            const box = document.getElementById("id_static");
            if (box && box.type === "checkbox") toggleList(box, field);
        });
    });
})();
